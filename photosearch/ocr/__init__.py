"""An upright photo → the lines of text printed in it."""
