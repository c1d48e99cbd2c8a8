"""What goes in and out: files, arguments, the terminal, processes and their end."""
