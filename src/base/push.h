/*
 * The doorbell: events go from committed transactions to nchan, which holds the sockets.
 *
 * push_events() takes the rows of api.leave(), publishes each body to its channels in order (one request at a
 * time per process, at most 200 channels each), and then has api.told() delete the outbox rows, many at once, and
 * publishes once more what that answers.  An empty body closes the sockets of its channels.  What cannot be published stays in the outbox for imclerk:
 * pushing never fails or delays an answer.
 */
#ifndef IM_PUSH_H
#define IM_PUSH_H

#include "db.h"

#include <event2/event.h>
#include <stdbool.h>

/* The statement that deletes told events; register it with db_open before push_open. */
extern struct statement push_told;

/* The statement that asks for the events of a transaction, for whoever has no route row. */
extern struct statement push_left;

/* Connects to the publisher named by IM_PUBLISHER: unix:/path or host:port. */
void push_open(struct event_base *base);

/* Publishes the rows (refusal, txid, channels, body) of api.leave(), api.told() or api.clerk_outbox(); result is the
 * caller's. */
void push_events(const PGresult *result);

/* Publishes one body to comma-separated channels; nothing is kept when it fails.  out, unless NULL, is called from the
 * event loop when that is over.  False when there is too much to publish already, or no memory: then it is dropped, out and all. */
bool push_body(const char *channels, const char *body, void (*out)(void *owner), void *owner);

/* Events not yet published or not yet told. */
int push_busy(void);

void push_close(void);

#endif
