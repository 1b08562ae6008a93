/* A clock that is CLOCK_AHEAD seconds ahead, for the programs that this library is preloaded into.

   libfaketime 0.9.10 does not serve: with it time.sleep() fails in Python, or never returns. Here only the time of day
   is another one. How long something takes is as it was, and so is when a wait for a time of day ends. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* A time since the machine was started is never as large. */
#define TIME_OF_DAY 1000000000

static long ahead;

__attribute__((constructor)) static void begin(void)
{
    const char *set = getenv("CLOCK_AHEAD");
    ahead = set ? atol(set) : 0;
}

static int is_shifted(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long done = syscall(SYS_clock_gettime, clock, now);
    if (done == 0 && is_shifted(clock))
        now->tv_sec += ahead;
    return (int)done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec at;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (now)
        *now = at.tv_sec;
    return at.tv_sec;
}

static struct timespec true_time(const struct timespec *at)
{
    struct timespec told = *at;
    if (told.tv_sec > TIME_OF_DAY)
        told.tv_sec -= ahead;
    return told;
}

int sem_timedwait(sem_t *restrict one, const struct timespec *restrict until)
{
    static int (*wait)(sem_t *, const struct timespec *);
    struct timespec at = true_time(until);
    if (!wait)
        wait = dlsym(RTLD_NEXT, "sem_timedwait");
    return wait(one, &at);
}

int pthread_cond_timedwait(pthread_cond_t *restrict one, pthread_mutex_t *restrict held,
                           const struct timespec *restrict until)
{
    static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec at = true_time(until);
    if (!wait)
        wait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    return wait(one, held, &at);
}
