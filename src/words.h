/*
 * The sensitive-word filter: finds words of a list in text, however they are dressed up.
 *
 * Text and words are compared after Unicode compatibility folding (full width, case, accents), and up to three
 * separators (spaces, punctuation, symbols, zero-width characters) between two characters of a word do not hide
 * it.  The end of a clause or line does: , ; : ! ? and their like, and a full stop that a blank follows; only a word that
 * has such a mark itself is found across one.  The voicing marks of kana are no accents, nor are the letters of a Hangul
 * syllable taken apart.  A word of ASCII letters and digits must stand alone: "ass" is not found in "class".
 *
 * The list is an Aho-Corasick automaton: one pass over the text, whatever the number of words.  A program has
 * one list, which words_replace() exchanges while it runs.
 */
#ifndef IM_WORDS_H
#define IM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Replaces the list by these words; each is UTF-8.  Words without a letter or digit are ignored.
 * False when there is no memory: then the list stays what it was. */
bool words_replace(const char *const *words, size_t count);

/* True when the text (valid UTF-8) contains a word. */
bool words_found(const char *text);

/* Overwrites every character of every word found with '*', in place: the text only gets shorter.
 * True when something was found. */
bool words_star(char *text);

#endif
