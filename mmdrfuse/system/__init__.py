"""What the program asks of the machine; knows no pictures."""
