"""Numbers of block devices' drivers, and how many devices they make as they start (include/uapi/linux/major.h)."""

RAMDISK_MAJOR, LOOP_MAJOR = 1, 7
MINORBITS = 20
RAM_DISKS = 16  # CONFIG_BLK_DEV_RAM_COUNT
RAM_DISK_BYTES = 4096 << 10  # CONFIG_BLK_DEV_RAM_SIZE
LOOP_DEVICES = 8  # CONFIG_BLK_DEV_LOOP_MIN_COUNT
