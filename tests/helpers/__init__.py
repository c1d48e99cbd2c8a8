"""What tests share: networks, stand-ins and files made for them."""
