#include "burn.h"
#include "base/code.h"
#include "base/config.h"
#include "base/db.h"
#include "base/loop.h"
#include "reply.h"
#include "serve.h"

enum { WAITING_MAX = 400, WAITING_USUAL = 50, PATIENCE = 8 };

/* A ring: those that wait, the first of them at first. */
static struct {
    struct request *request;
    void (*work)(struct request *r);
} waiting[WAITING_MAX];
static int first, count;
static int postponed; /* times that the turn has been put off, for what is in PostgreSQL */
static long most;
static struct event *turn;

static void turn_next(long microseconds)
{
    loop_add(turn, &(struct timeval){0, microseconds});
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct request *r = waiting[first].request;
    void (*work)(struct request *) = waiting[first].work;

    (void)fd, (void)what, (void)arg;
    if (db_busy() && postponed++ < PATIENCE) { /* done in no time: nobody else's answer is to wait for this one's */
        turn_next(1000);
        return;
    }
    postponed = 0;
    first = (first + 1) % WAITING_MAX;
    count--;
    if (count)
        turn_next(0);
    serve_resume(r, work);
}

void burn_open(struct event_base *loop)
{
    most = config_number("IM_PASSWORDS_WAITING", WAITING_USUAL, 1, WAITING_MAX);
    turn = loop_timer(loop, on_turn, NULL);
}

void burn_later(struct request *r, void (*work)(struct request *r))
{
    if (count >= most) {
        reply_code(r, CODE_TOO_MANY, NULL);
        return;
    }
    int place = (first + count++) % WAITING_MAX;
    waiting[place].request = r;
    waiting[place].work = work;
    if (count == 1)
        turn_next(0);
}
