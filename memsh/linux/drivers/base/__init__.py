"""The devices' own file system (drivers/base/)."""
