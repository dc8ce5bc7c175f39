// Requests for code, and the one thread that serves them while Python writes the next
// kernel's text. Who needs code at once compiles it himself if the thread has not begun.
//
// A fork happens between compilations only, for LLVM has locks of its own: the handler
// waits until none is running. The child has the requests and starts a thread anew.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>

#include "machine_code.h"

namespace chainrule::machine_code {
namespace {

struct Request {
    Shared code;
    Level level;
};

class Queue {
  public:
    void push(const Request& request, bool urgent);
    void wait(const Shared& code, Level level);
    void stop();
    /// No compilation runs, and none begins, until `release`.
    void hold();
    void release() { mutex_.unlock(); }
    /// What a forked child begins with; the caller holds the parent's copy.
    Queue* successor() const;

  private:
    using Lock = std::unique_lock<std::mutex>;
    void start_thread();
    void serve();
    bool take(const Shared& code, Level level);
    void run(const Request& request, Lock& lock);
    static bool is_for(const Request& r, const Shared& code, Level level) {
        return r.code == code && r.level == level;
    }

    std::mutex mutex_;
    std::condition_variable arrived_;
    std::condition_variable finished_;
    std::deque<Request> urgent_, later_;
    int running_ = 0;
    bool ending_ = false;  // for good
    std::thread thread_;
};

std::atomic<Queue*> the_queue{nullptr};

void hold_queue() {
    if (Queue* queue = the_queue.load()) queue->hold();
}

void release_queue() {
    if (Queue* queue = the_queue.load()) queue->release();
}

void renew_queue() {
    if (Queue* queue = the_queue.load()) the_queue.store(queue->successor());
}

/// Never destroyed, for its thread may sleep in it when the process ends.
Queue& queue() {
    static std::once_flag once;
    std::call_once(once, [] {
        the_queue.store(new Queue);
        pthread_atfork(hold_queue, release_queue, renew_queue);
    });
    return *the_queue.load();
}

void Queue::hold() {
    mutex_.lock();
    Lock lock(mutex_, std::adopt_lock);
    finished_.wait(lock, [&] { return running_ == 0; });
    lock.release();
}

Queue* Queue::successor() const {
    Queue* child = new Queue;
    child->urgent_ = urgent_;
    child->later_ = later_;
    return child;
}

void Queue::start_thread() {
    if (thread_.joinable() || ending_ || threads::count() == 1) return;
    sigset_t all, former;  // signals are for the threads that Python knows
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    try {
        thread_ = std::thread([this] { serve(); });
    } catch (const std::system_error&) {
        // The system allows no more threads: who needs code compiles it.
    }
    pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

void Queue::push(const Request& request, bool urgent) {
    Lock lock(mutex_);
    (urgent ? urgent_ : later_).push_back(request);
    start_thread();
    if (urgent || thread_.joinable())
        arrived_.notify_one();
    else if (!ending_ && take(request.code, request.level))
        run(request, lock);
}

void Queue::run(const Request& request, Lock& lock) {
    ++running_;
    lock.unlock();
    request.code->compile(request.level);
    lock.lock();
    --running_;
    finished_.notify_all();
}

void Queue::serve() {
    Lock lock(mutex_);
    while (!ending_) {
        std::deque<Request>& first = urgent_.empty() ? later_ : urgent_;
        if (first.empty()) {
            arrived_.wait(lock);
            continue;
        }
        Request request = first.front();
        first.pop_front();
        run(request, lock);
    }
}

/// Takes a request out of the queue, to be served by the caller; false if it is not in.
bool Queue::take(const Shared& code, Level level) {
    for (std::deque<Request>* requests : {&urgent_, &later_}) {
        auto found =
            std::find_if(requests->begin(), requests->end(),
                         [&](const Request& r) { return is_for(r, code, level); });
        if (found == requests->end()) continue;
        requests->erase(found);
        return true;
    }
    return false;
}

void Queue::wait(const Shared& code, Level level) {
    Lock lock(mutex_);
    while (!code->is_settled(level)) {
        if (take(code, level) || running_ == 0)
            run({code, level}, lock);
        else
            finished_.wait(lock);
    }
    lock.unlock();
    code->check(level);
}

void Queue::stop() {
    Lock lock(mutex_);
    later_.clear();
    ending_ = true;
    arrived_.notify_all();
    std::thread ended = std::move(thread_);
    lock.unlock();
    if (ended.joinable()) ended.join();
}

}  // namespace

void request(const Shared& code, Level level, bool urgent) {
    if (!code->is_settled(level)) queue().push({code, level}, urgent);
}

void wait(const Shared& code, Level level) {
    if (code->is_settled(level))
        code->check(level);
    else
        queue().wait(code, level);
}

void stop() { queue().stop(); }

}  // namespace chainrule::machine_code
