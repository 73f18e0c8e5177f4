/*
 * A function that can fail says so in its result, and whoever calls it looks: where not, the compiler warns.
 */
#ifndef IM_MUST_H
#define IM_MUST_H

#define MUST_USE __attribute__((warn_unused_result))

#endif
