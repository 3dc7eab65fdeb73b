"""What a box is made of: the only place beside arch/ that names a machine."""
