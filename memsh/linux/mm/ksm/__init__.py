"""Equal pages of areas that asked for it become one (mm/ksm.c)."""
