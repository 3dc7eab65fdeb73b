"""Lines that somebody might type, made from the declarations of the commands, and what must hold after each of them."""
