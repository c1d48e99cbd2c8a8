"""Serial ports, and what is said when one cannot be used."""

import errno

__all__ = ["LinkError", "find_port", "open_port"]

USB = (0x0403, 0x6010)


class LinkError(ConnectionError):
    """The board does not answer, or not as it should; one line says which and what."""

    def __init__(self, port: object, text: str):
        super().__init__(errno.EIO, text, str(port))


def find_port() -> str:
    """Device of the iCEBreaker's UART: the second port of its FTDI chip. LinkError if absent."""
    from serial.tools import list_ports
    found = sorted(port.device for port in list_ports.comports() if (port.vid, port.pid) == USB)
    if not found:
        raise LinkError("USB", "no iCEBreaker (0403:6010) is plugged in")
    return found[-1]


def open_port(device, baud: int):
    """Open a serial device so that a read returns within 50 ms."""
    import serial
    try:
        port = serial.Serial(device, baud, timeout=0.05, write_timeout=5, exclusive=True)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        why = {errno.ENOENT: "there is no such port",
               errno.EAGAIN: "another program uses this port",
               errno.EBUSY: "another program uses this port",
               errno.EACCES: "you may not use this port (groups dialout or plugdev?)",
               }.get(error.errno if isinstance(error, OSError) else None)
        if "exclusively lock" in str(error):
            why = "another program uses this port"
        raise LinkError(device, why or f"cannot be opened: {error}") from None
    port.reset_input_buffer()
    try:
        port.set_low_latency_mode(True)
    except (AttributeError, NotImplementedError, OSError, ValueError):
        pass  # no such mode here: answers take up to 16 ms longer
    return port
