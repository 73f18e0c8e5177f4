/*
 * The address of bytes in the store: on this server the same for the same bytes, and another for others.
 *
 * HMAC-SHA256 of the GMAC of the bytes, under two keys that are made of IM_FILE_KEY; im-chat(7) says why not SHA-256, and
 * what may be relied on.  Whoever loses the key loses no file, only that equal bytes are found to be equal.
 */
#ifndef IM_ADDRESS_H
#define IM_ADDRESS_H

#include "must.h"

#include <stdbool.h>
#include <stddef.h>

enum { ADDRESS_SIZE = 65 };

struct gcry_mac_handle;

/* Begins; false, with errno, when there is no key or no memory. */
MUST_USE bool address_begin(struct gcry_mac_handle **mac);

void address_add(struct gcry_mac_handle *mac, const void *bytes, size_t size);

/* The address of all that was added, 64 hexadecimal digits; once. */
MUST_USE bool address_end(struct gcry_mac_handle *mac, char address[static ADDRESS_SIZE]);

/* Frees it; NULL is none. */
void address_drop(struct gcry_mac_handle *mac);

#endif
