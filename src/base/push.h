/*
 * The doorbell: events go from committed transactions to nchan, which holds the sockets.
 *
 * push_events() takes the rows of api.leave() and publishes each body to its channels (publisher.h).  When all of a
 * transaction are out api.told() deletes its outbox rows, many transactions at once, and what that answers is published too.
 * An empty body closes the sockets of its channels.
 *
 * There are two lanes.  An event of more channels than one request takes is large: it goes out slice by slice, and those that
 * are not go between its slices, so that nobody waits for a big group.  Within a lane all is in order.
 *
 * Events wait no longer than PUSH_WAIT_MS, and together have PUSH_QUEUE_BYTES: what finds no place, waits longer or cannot be
 * published stays in the outbox for imclerk, which publishes what is older than anything that waits here, so never the same.
 * Pushing never fails or delays an answer.
 */
#ifndef IM_PUSH_H
#define IM_PUSH_H

#include "must.h"
#include "db.h"

#include <event2/event.h>
#include <stdbool.h>

enum { PUSH_WAIT_MS = 1000, PUSH_FOR_EVER = 0, PUSH_QUEUE_BYTES = 8 << 20 };

/* The statement that deletes told events; register it with db_open before push_open. */
extern struct statement push_told;

/* The statement that asks for the events of a transaction, for whoever has no route row. */
extern struct statement push_left;

/* Publishes to what IM_PUBLISHER names: unix:/path or host:port.  Events wait so long: PUSH_WAIT_MS, or for the clerk, to whom
 * nobody else's are left, PUSH_FOR_EVER. */
void push_open(struct event_base *base, int wait_ms);

/* Publishes the rows (refusal, txid, channels, body) of api.leave(), api.told() or api.clerk_outbox(); result is the
 * caller's. */
void push_events(const PGresult *result);

/* Publishes one body to comma-separated channels; nothing is kept when it fails.  out, unless NULL, is called from the
 * event loop when that is over.  False when there is too much to publish already, or no memory: then it is dropped, out and all. */
MUST_USE bool push_body(const char *channels, const char *body, void (*out)(void *owner), void *owner);

/* Events not yet published or not yet told. */
int push_busy(void);

/* The bytes of those not yet published. */
size_t push_bytes(void);

void push_close(void);

#endif
