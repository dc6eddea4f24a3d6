// The smallest test framework: a named story is a function, CHECK ends the program with the
// place of the first surprise. Knows nothing of what is tested.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                             \
        }                                                                             \
    } while (false)

#define TELL(story)                      \
    do {                                 \
        std::printf("  %s\n", #story);   \
        std::fflush(stdout);             \
        story();                         \
    } while (false)
