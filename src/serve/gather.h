/*
 * The calls and statements of a program: those of its routes, those that its handlers make, and those around every call.
 */
#ifndef IM_GATHER_H
#define IM_GATHER_H

#include "call.h"
#include "route.h"

enum { CALLS_MAX = 160, STATEMENTS_MAX = 2 * CALLS_MAX };

/* The i-th route's call; then those around every call, in its statement or beside it: enter, by whose token it is (the door),
 * and leave, which hands over the events. */
extern struct call route_calls[];
extern struct call enter_calls[];
extern struct call leave_call;

/* Parses the calls, and fills in what the program prepares; returns how many statements, of which the first are the calls. */
int gather_statements(const struct program *program, struct call **calls, int *count, struct statement **statements);

#endif
