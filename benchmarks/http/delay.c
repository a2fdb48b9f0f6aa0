/* Joins two network namespaces by two TUN devices and holds each packet back.
 *
 * usage: delay NETNS_A DEVICE_A NETNS_B DEVICE_B
 *
 * The last octet of B's address is the round trip in milliseconds: half of it
 * is waited in each direction.  Packets with the same delay keep their order.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { LARGEST = 1600, BATCH = 128 };

struct packet {
    struct packet *next;
    int64_t due;
    int length;
    unsigned char bytes[LARGEST];
};

struct queue {
    struct packet *first, *last;
};

static struct queue waiting[2][256];

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int device(const char *namespace, const char *name)
{
    char path[256];
    struct ifreq request;
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int there = open(path, O_RDONLY);
    if (there < 0 || setns(there, CLONE_NEWNET) < 0) {
        perror(path);
        exit(1);
    }
    close(there);
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    memset(&request, 0, sizeof request);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) {
        perror("/dev/net/tun");
        exit(1);
    }
    return tun;
}

static void take(int side, int from)
{
    for (int count = 0; count < BATCH; count++) {
        struct packet *packet = malloc(sizeof *packet);
        if (packet == NULL)
            exit(1);
        packet->length = read(from, packet->bytes, LARGEST);
        if (packet->length < 20 || packet->bytes[0] >> 4 != 4) {
            int empty = packet->length <= 0;
            free(packet);
            if (empty)
                return;
            continue;
        }
        int round_trip = side == 0 ? packet->bytes[19] : packet->bytes[15];
        packet->due = now() + (int64_t)round_trip * 500000;
        packet->next = NULL;
        struct queue *queue = &waiting[side][round_trip];
        if (queue->first == NULL)
            queue->first = packet;
        else
            queue->last->next = packet;
        queue->last = packet;
    }
}

static int64_t deliver(const int *to)
{
    int64_t soonest = 0, time = now();
    for (int side = 0; side < 2; side++)
        for (int delay = 0; delay < 256; delay++) {
            struct queue *queue = &waiting[side][delay];
            while (queue->first != NULL && queue->first->due <= time) {
                struct packet *packet = queue->first;
                queue->first = packet->next;
                if (write(to[side], packet->bytes, packet->length) < 0) {
                    /* the device's queue is full: lost, as on a real line */
                }
                free(packet);
            }
            if (queue->first != NULL && (soonest == 0 || queue->first->due < soonest))
                soonest = queue->first->due;
        }
    return soonest;
}

int main(int count, char **words)
{
    if (count != 5)
        return 2;
    prctl(PR_SET_TIMERSLACK, 1000);
    prctl(PR_SET_PDEATHSIG, 9);
    int a = device(words[1], words[2]), b = device(words[3], words[4]);
    int to[2] = {b, a};
    struct pollfd watched[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    puts("ready");
    fflush(stdout);
    for (;;) {
        int64_t soonest = deliver(to), left = soonest - now();
        struct timespec wait = {0, left > 0 ? left % 1000000000 : 0};
        wait.tv_sec = left > 0 ? left / 1000000000 : 0;
        if (ppoll(watched, 2, soonest ? &wait : NULL, NULL) > 0)
            for (int side = 0; side < 2; side++)
                if (watched[side].revents & POLLIN)
                    take(side, watched[side].fd);
    }
}
