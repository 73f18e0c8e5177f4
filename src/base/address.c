#include "address.h"
#include "config.h"

#include <errno.h>
#include <gcrypt.h>
#include <stdio.h>
#include <string.h>

enum { KEYED_SIZE = 32, TAG_SIZE = 16 };

/* HMAC-SHA256 under the secret. */
static bool keyed(const void *bytes, size_t size, unsigned char out[KEYED_SIZE])
{
    const char *key = config_text("IM_FILE_KEY", "");
    gcry_buffer_t parts[] = {{.data = (void *)key, .len = strlen(key)}, {.data = (void *)bytes, .len = size}};

    errno = *key ? ENOMEM : ENOKEY;
    return *key && gcry_md_hash_buffers(GCRY_MD_SHA256, GCRY_MD_FLAG_HMAC, out, parts, 2) == 0;
}

/* The nonce may be the same each time, for nobody ever sees a tag. */
bool address_begin(struct gcry_mac_handle **mac)
{
    static const char label[] = "bytes", nonce[12] = "";
    unsigned char key[KEYED_SIZE];

    *mac = NULL;
    return keyed(label, sizeof label - 1, key) && gcry_mac_open(mac, GCRY_MAC_GMAC_AES, 0, NULL) == 0 &&
           gcry_mac_setkey(*mac, key, sizeof key) == 0 && gcry_mac_setiv(*mac, nonce, sizeof nonce) == 0;
}

void address_add(struct gcry_mac_handle *mac, const void *bytes, size_t size)
{
    gcry_mac_write(mac, bytes, size);
}

bool address_end(struct gcry_mac_handle *mac, char address[static ADDRESS_SIZE])
{
    unsigned char tag[TAG_SIZE], digest[KEYED_SIZE];
    size_t size = sizeof tag;

    if (gcry_mac_read(mac, tag, &size) != 0 || !keyed(tag, size, digest))
        return false;
    for (int i = 0; i < KEYED_SIZE; i++)
        snprintf(address + 2 * i, 3, "%02x", digest[i]);
    return true;
}

void address_drop(struct gcry_mac_handle *mac)
{
    gcry_mac_close(mac);
}
