/*
 * Captcha pictures: a few distorted characters as a PNG, for people and not for programs.
 */
#ifndef IM_CAPTCHA_H
#define IM_CAPTCHA_H

enum { CAPTCHA_LENGTH = 5 };

/* Draws a random answer (capitals and digits that cannot be mistaken for one another) and writes it to answer.
 * Returns the PNG as base64 text, which the caller frees, or NULL: the font of IM_CAPTCHA_FONT cannot be read, or
 * there is no memory. */
char *captcha_draw(char answer[static CAPTCHA_LENGTH + 1]);

#endif
