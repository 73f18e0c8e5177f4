/*
 * The sensitive-word filter: finds words of a list in text, however they are dressed up.
 *
 * Text and words are compared after Unicode compatibility folding (full width, case, accents), and up to three
 * separators (spaces, punctuation, symbols, zero-width characters) between two characters of a word do not hide
 * it.  The end of a clause or line does: , ; : ! ? and their like, and a full stop that a blank follows; only a word that
 * has such a mark itself is found across one.  The voicing marks of kana are no accents, nor are the letters of a Hangul
 * syllable taken apart.  A word of ASCII letters and digits must stand alone: "ass" is not found in "class".
 *
 * A list keeps 64 bits of each word, so that fifty thousand are half a MiB a process, and is made while the program serves:
 * a few words at a time, then it takes the place of the one before.
 */
#ifndef IM_SENSITIVE_H
#define IM_SENSITIVE_H

#include "must.h"

#include <stdbool.h>
#include <stddef.h>

/* Begins a new list; until sensitive_use() the one before counts. */
void sensitive_begin(void);

/* Adds a word, UTF-8, to the new list.  One without a letter or digit is ignored.  False when there is no memory. */
MUST_USE bool sensitive_add(const char *word);

/* Has the new list take the place of the one before. */
void sensitive_use(void);

/* True when the text (valid UTF-8) contains a word. */
MUST_USE bool sensitive_found(const char *text);

/* Overwrites every character of every word found with '*', in place: the text only gets shorter.
 * True when something was found. */
bool sensitive_star(char *text);

#endif
