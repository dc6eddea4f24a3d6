// What both own threads do first: leave every signal to the interpreter's main thread
// and take a name that tools can show. Knows nothing of what the threads are for.
#pragma once

#include <pthread.h>

#include <csignal>

namespace ppbench {

inline void settle_thread(const char* name) noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    pthread_setname_np(pthread_self(), name);
}

}  // namespace ppbench
