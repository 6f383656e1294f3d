/* For smartd: what answers as an NVMe disk does, on any file. Its warnings are the bits of
 * DISK_WARNING (NVMe 1.4, figure 195). Loaded by LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/types.h>
#include <asm/ioctl.h>
#define nvme_admin_cmd nvme_passthru_cmd
#include <linux/nvme_ioctl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void put(unsigned char *at, const char *text, int size)
{
    memset(at, ' ', size);
    memcpy(at, text, strlen(text));
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == NVME_IOCTL_ID)
        return 1;
    if (request != NVME_IOCTL_ADMIN_CMD) {
        int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
        return real(fd, request, argument);
    }
    struct nvme_passthru_cmd *command = argument;
    unsigned char *data = (unsigned char *)(unsigned long)command->addr;
    memset(data, 0, command->data_len);
    const char *warning = getenv("DISK_WARNING");
    if (command->opcode == 0x06) { /* Identify */
        put(data + 4, "SERIAL1", 20);
        put(data + 24, "A disk of tests", 40);
        put(data + 64, "1.0", 8);
        data[516] = 1; /* namespaces */
    } else if (command->opcode == 0x02 && (command->cdw10 & 0xff) == 2) { /* Get Log Page: SMART */
        data[0] = warning ? atoi(warning) : 0;
        data[1] = 310 & 0xff, data[2] = 310 >> 8; /* Kelvin */
        data[3] = 100, data[4] = 10;              /* spare blocks, and their threshold */
    }
    return 0;
}
