// The pool. A run is published through one atomic word, the gate: workers that see it
// open with a new number step in, and the caller closes it and waits only for those
// inside, so that a worker that sleeps too long delays nobody.
#include "thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "denormals.h"
#include "native.h"

namespace chainrule {
std::atomic<bool> denormals::flushed{false};
}

namespace chainrule::threads {
namespace {

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Workers wait for the next run, and callers for the last workers, without sleeping for
/// as long as waking takes a few times over: on a virtual machine 50 to 200 us. Other
/// threads that want the processor get it.
class Patience {
  public:
    bool is_left() {
        if (++turns_ % 16 == 0) {
            const Clock::time_point now = Clock::now();
            if (now >= end_) return false;
            if (now >= polite_) sched_yield();
        }
        pause();
        return true;
    }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point polite_ = Clock::now() + std::chrono::microseconds(20);
    Clock::time_point end_ = polite_ + std::chrono::microseconds(280);
    unsigned turns_ = 0;
};

/// What is to be done; read by those inside of the gate only.
struct Job {
    Kernel kernel;
    void** buffers;
    const std::int64_t* ints;
    std::int64_t extent;
    std::int64_t chunk;
};

class Pool {
  public:
    explicit Pool(int count) : count_(count) {}
    int count() const { return count_.load(std::memory_order_relaxed); }
    /// False if another thread uses the pool; then nothing was done.
    bool try_run(const Job& job);
    /// Ends the workers and changes the count.
    void resize(int count);

  private:
    // The gate: number of the run, whether it is open, how many workers are inside.
    static constexpr std::uint64_t kInside = 0xffff;
    static constexpr std::uint64_t kOpen = 0x10000;
    static constexpr std::uint64_t kNumber = 0x20000;

    void start_workers();
    void work();
    /// Waits for a run that is open and not number `seen`; steps in. 0: the pool ends.
    std::uint64_t enter(std::uint64_t seen);
    bool try_enter(std::uint64_t gate);
    void sleep_while_closed(std::uint64_t seen);
    void leave();
    void wake(std::int64_t wanted);
    void close();
    /// Does chunks until none is left, or one has failed: nothing may be thrown while
    /// the gate is open, nor out of a worker.
    void take_chunks() noexcept;
    void do_chunks();
    void keep_failure(std::exception_ptr failure);
    static bool is_new(std::uint64_t gate, std::uint64_t seen) {
        return (gate & kOpen) && gate / kNumber != seen;
    }

    std::atomic<int> count_;
    std::mutex busy_;  // held by the thread that runs or resizes
    std::vector<std::thread> workers_;
    Job job_{};
    alignas(64) std::atomic<std::uint64_t> gate_{0};
    alignas(64) std::atomic<std::int64_t> next_{0};
    alignas(64) std::atomic<int> sleepers_{0};
    std::atomic<bool> caller_sleeps_{false};
    std::atomic<bool> ending_{false};
    std::mutex mutex_;
    std::condition_variable opened_;
    std::condition_variable emptied_;
    std::exception_ptr failure_;  // the first of a run, guarded by mutex_
};

void Pool::take_chunks() noexcept {
    try {
        do_chunks();
    } catch (...) {
        keep_failure(std::current_exception());
    }
}

void Pool::keep_failure(std::exception_ptr failure) {
    next_.store(job_.extent, std::memory_order_relaxed);
    std::lock_guard<std::mutex> lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
}

void Pool::do_chunks() {
    denormals::Mode mode;
    const Job job = job_;
    for (;;) {
        std::int64_t begin = next_.fetch_add(job.chunk, std::memory_order_relaxed);
        if (begin >= job.extent) return;
        std::int64_t end =
            job.extent - begin > job.chunk ? begin + job.chunk : job.extent;
        job.kernel(job.buffers, job.ints, begin, end);
    }
}

bool Pool::try_enter(std::uint64_t gate) {
    return gate_.compare_exchange_strong(gate, gate + 1, std::memory_order_acq_rel);
}

std::uint64_t Pool::enter(std::uint64_t seen) {
    Patience patience;
    for (;;) {
        if (ending_.load(std::memory_order_relaxed)) return 0;
        std::uint64_t gate = gate_.load(std::memory_order_acquire);
        if (is_new(gate, seen)) {
            if (try_enter(gate)) return gate / kNumber;
        } else if (!patience.is_left()) {
            sleep_while_closed(seen);
            patience = {};
        }
    }
}

void Pool::sleep_while_closed(std::uint64_t seen) {
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);  // before the gate is read again: see wake
    opened_.wait(lock, [&] { return ending_.load() || is_new(gate_.load(), seen); });
    sleepers_.fetch_sub(1);
}

void Pool::leave() {
    std::uint64_t before = gate_.fetch_sub(1);
    if ((before & (kInside | kOpen)) != 1 || !caller_sleeps_.load()) return;
    std::lock_guard<std::mutex> lock(mutex_);
    emptied_.notify_one();
}

void Pool::work() {
    std::uint64_t seen = 0;
    while ((seen = enter(seen)) != 0) {
        take_chunks();
        leave();
    }
}

void Pool::start_workers() {
    sigset_t all, former;  // signals are for the threads that Python knows
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    try {
        while (int(workers_.size()) < count_ - 1)
            workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
        count_ = int(workers_.size()) + 1;  // the system allows no more
    }
    pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

void Pool::wake(std::int64_t wanted) {
    int sleeping = sleepers_.load();  // after the gate was opened: no sleeper is missed
    if (!sleeping) return;
    std::lock_guard<std::mutex> lock(mutex_);
    if (wanted >= sleeping) return opened_.notify_all();
    for (std::int64_t i = 0; i < wanted; ++i) opened_.notify_one();
}

void Pool::close() {
    std::uint64_t gate = gate_.fetch_sub(kOpen) - kOpen;
    Patience patience;
    for (; gate & kInside; gate = gate_.load(std::memory_order_acquire)) {
        if (patience.is_left()) continue;
        std::unique_lock<std::mutex> lock(mutex_);
        caller_sleeps_.store(true);
        emptied_.wait(lock, [&] { return (gate_.load() & kInside) == 0; });
        caller_sleeps_.store(false);
    }
}

bool Pool::try_run(const Job& job) {
    std::unique_lock<std::mutex> lock(busy_, std::try_to_lock);
    if (!lock || count_ == 1) return false;
    if (workers_.empty()) start_workers();
    job_ = job;
    next_.store(0, std::memory_order_relaxed);
    gate_.fetch_add(kNumber + kOpen);
    wake((job.extent - 1) / job.chunk);
    take_chunks();
    close();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return true;
}

void Pool::resize(int count) {
    std::lock_guard<std::mutex> lock(busy_);
    {
        std::lock_guard<std::mutex> sleeping(mutex_);
        ending_.store(true);
        opened_.notify_all();
    }
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    ending_.store(false);
    count_ = count;
}

/// The count asked for by CHAINRULE_NUM_THREADS, 0 if it is not set.
int count_from_environment() {
    const char* text = std::getenv("CHAINRULE_NUM_THREADS");
    if (!text || !*text) return 0;
    char* end = nullptr;
    long value = std::strtol(text, &end, 10);
    if (*end == '\0' && value >= 1 && value <= 4096) return int(value);
    throw nb::value_error((std::string("CHAINRULE_NUM_THREADS: '") + text +
                           "' is no number of threads; use an integer from 1 to 4096.")
                              .c_str());
}

int initial_count = 0;  // 0: the processors this process may use

// Never destroyed: workers sleep in it when the process ends.
std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
    Pool* found = the_pool.load(std::memory_order_acquire);
    if (found) return *found;
    Pool* made = new Pool(initial_count ? initial_count : processors());
    if (the_pool.compare_exchange_strong(found, made)) return *made;
    delete made;
    return *found;
}

/// In the child of a fork the workers are gone, and locks may be held for ever: the old
/// pool is left alone and a new one takes its place.
void renew_after_fork() {
    if (Pool* old = the_pool.load()) the_pool.store(new Pool(old->count()));
}

}  // namespace

int processors() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return std::max(1, int(std::thread::hardware_concurrency()));
}

void run(Kernel kernel, void** buffers, const std::int64_t* ints, std::int64_t extent,
         std::int64_t grain, std::int64_t chunks) {
    if (extent <= 0) return;
    Pool& threads = pool();
    if (extent <= grain || threads.count() == 1)
        return kernel(buffers, ints, 0, extent);
    std::int64_t pieces = (extent - 1) / grain + 1;
    std::int64_t wanted = threads.count() * chunks;
    std::int64_t chunk = ((pieces - 1) / wanted + 1) * grain;
    if (!threads.try_run({kernel, buffers, ints, extent, chunk}))
        kernel(buffers, ints, 0, extent);
}

int count() { return pool().count(); }

void set_count(int count) { pool().resize(count); }

namespace {

void set_num_threads(std::int64_t count) {
    if (count < 1 || count > 4096)
        throw nb::value_error(("set_num_threads: the count is " +
                               std::to_string(count) +
                               "; use an integer from 1 to 4096.")
                                  .c_str());
    nb::gil_scoped_release release;
    set_count(int(count));
}

}  // namespace
}  // namespace chainrule::threads

namespace chainrule {
void register_thread_pool(nb::module_& m) {
    threads::initial_count = threads::count_from_environment();
    pthread_atfork(nullptr, nullptr, threads::renew_after_fork);
    m.def("set_num_threads", &threads::set_num_threads, nb::arg("count"),
          "Set how many threads compiled kernels run on, the caller's included.");
    m.def(
        "set_flush_denormals", [](bool flush) { denormals::flushed.store(flush); },
        nb::arg("flush"), "Say whether compiled code takes denormal numbers for zeros.");
    m.def(
        "get_num_threads", &threads::count,
        "How many threads compiled kernels run on: at first the processors that this\n"
        "process may use, or what the variable CHAINRULE_NUM_THREADS says.");
}
}  // namespace chainrule
