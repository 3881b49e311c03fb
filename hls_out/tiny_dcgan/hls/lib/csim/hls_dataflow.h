// hls_dataflow.h - DATAFLOW regions of C simulation: processes that work side by side, on FIFOs as deep as in hardware.
//
// C simulation calls the processes of a region one after the other, so its FIFOs are endless and no deadlock shows.
// With -DGAN2HLS_BOUNDED each call of a region is a thread of its own, which gives way when it reads from an empty FIFO
// or writes to a full one, and goes on when there is a word to read, or room.  Threads switch here and nowhere else, so
// every run is the same, and they switch by _longjmp: swapcontext asks the system for the signals that it masks, every
// time.  Once none can go on, some wait for each other in a circle, and would however fast they were: an error that
// names the FIFO that is full and the one that is empty.
//
// `gan2hls.verify.dataflow` rewrites the pragmas of the emitted code to what they mean:
//
//     #pragma HLS DATAFLOW                       hls::region dataflow_region;
//     #pragma HLS STREAM variable=x depth=2      x.bound("x", 2, true);
//     process(a, b);                             dataflow_region.call([&] { process(a, b); }, {&a, &b});
//     }                                          dataflow_region.join(); }
//
// _FORTIFY_SOURCE must be off: it takes a jump from one stack to another for an error.
#ifndef GAN2HLS_CSIM_HLS_DATAFLOW_H
#define GAN2HLS_CSIM_HLS_DATAFLOW_H

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace hls {

struct thread;

// A stream as those see it who wait at it.
class fifo {
  public:
    std::string name = "a port";
    bool named = true;      // whether a deadlock is told by its name: not where it stands inside an engine
    std::size_t depth = 0;  // words that it holds; 0: any number
    thread* waiting = 0;    // its reader or its writer, which cannot go on

    // The least depth of all FIFOs.  Where nothing but results is looked at, long ones save switches.
    static std::size_t& least() {
        static std::size_t words = 1;
        return words;
    }

    void bound(const char* called, std::size_t words, bool tells) {
        name = called;
        depth = std::max(words, least());
        named = tells;
    }

  protected:
    void wait_for_word();
    void wait_for_room();
    void moved();
};

// A call of a region.
struct thread {
    std::function<void()> work;
    std::vector<const fifo*> fifos;  // its arguments
    thread* parent = 0;              // the call in whose region it stands
    int inner = 0;                   // calls of a region of its own that are not done
    const fifo* waits = 0;           // where it cannot go on
    bool full = false;               // because that is full, else because it is empty
    bool done = false;
    ucontext_t context;  // where it starts
    jmp_buf place;       // where it goes on
    bool begun = false;
    void* stack = 0;
};

// All threads, of which one goes on.
class scheduler {
  public:
    static scheduler& instance() {
        static scheduler one;
        return one;
    }

    bool inside() const { return current_ != 0; }

    void wait(fifo& at, bool full) {
        thread& mine = *current_;
        mine.waits = &at;
        mine.full = full;
        at.waiting = &mine;
        leave();
        mine.waits = 0;
    }

    void wake(fifo& at) {
        ready_.push_back(at.waiting);
        at.waiting = 0;
    }

    // Run the calls of a region to their ends.
    void run(const std::vector<std::unique_ptr<thread> >& calls) {
        thread* const caller = current_;
        for (std::size_t n = 0; n < calls.size(); ++n) {
            threads_.push_back(calls[n].get());
            start(*calls[n], caller);
        }
        std::reverse(ready_.end() - std::ptrdiff_t(calls.size()), ready_.end());  // the first one first
        if (caller) {
            caller->inner = int(calls.size());
            leave();
        } else {
            while (!ready_.empty()) enter(main_);
            if (failure_) std::rethrow_exception(failure_);
        }
        const auto done = [](const thread* one) { return one->done; };
        threads_.erase(std::remove_if(threads_.begin(), threads_.end(), done), threads_.end());
        if (!caller && !threads_.empty()) throw std::runtime_error(deadlock(threads_.front()));
        for (const std::unique_ptr<thread>& one : calls) stacks_.push_back(one->stack);
    }

  private:
    static const std::size_t STACK = std::size_t(8) << 20, GUARD = std::size_t(64) << 10;

    std::vector<thread*> ready_, threads_;  // who can go on; all that are not done, and some that are
    std::vector<void*> stacks_;  // of calls that are done
    thread* current_ = 0;
    std::exception_ptr failure_;
    jmp_buf main_;

    void start(thread& one, thread* parent) {
        one.parent = parent;
        if (stacks_.empty()) {
            const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
            void* const made = mmap(0, STACK, PROT_READ | PROT_WRITE, flags, -1, 0);
            if (made == MAP_FAILED || mprotect(made, GUARD, PROT_NONE) != 0) throw std::bad_alloc();
            stacks_.push_back(made);
        }
        one.stack = stacks_.back();
        stacks_.pop_back();
        getcontext(&one.context);
        one.context.uc_stack.ss_sp = static_cast<char*>(one.stack) + GUARD;
        one.context.uc_stack.ss_size = STACK - GUARD;
        one.context.uc_link = 0;
        makecontext(&one.context, &scheduler::work, 0);
        ready_.push_back(&one);
    }

    static void work() {
        scheduler& all = instance();
        thread& mine = *all.current_;
        try {
            mine.work();
        } catch (...) {
            if (!all.failure_) all.failure_ = std::current_exception();
        }
        mine.done = true;
        if (mine.parent && --mine.parent->inner == 0) all.ready_.push_back(mine.parent);
        all.leave();
    }

    // Let the next one go on that can, or whoever started them all.
    void leave() {
        thread& mine = *current_;
        if (!ready_.empty()) {
            enter(mine.place);
        } else {
            current_ = 0;
            if (_setjmp(mine.place) == 0) _longjmp(main_, 1);
        }
    }

    void enter(jmp_buf& from) {
        current_ = ready_.back();
        ready_.pop_back();
        if (&current_->place == &from || _setjmp(from) != 0) return;
        if (current_->begun) _longjmp(current_->place, 1);
        current_->begun = true;
        setcontext(&current_->context);
    }

    // Who is at the other end of the FIFO at which `one` waits; 0: nobody any more.
    const thread* other_end(const thread* one) const {
        for (const thread* other : threads_) {
            const bool at_work = other != one && !other->done && other->inner == 0;
            if (at_work && std::count(other->fifos.begin(), other->fifos.end(), one->waits) != 0) return other;
        }
        return 0;
    }

    static std::string state(const fifo& at, bool full) { return at.name + (full ? " is full" : " is empty"); }

    // Tell where the circle is to be cut: each full FIFO whose reader waits at an empty one.
    std::string deadlock(const thread* one) const {
        while (one->inner != 0) {  // a call that waits for those of its region
            for (const thread* other : threads_) {
                if (other->parent == one && !other->done) {
                    one = other;
                    break;
                }
            }
        }
        std::vector<const thread*> circle;
        for (;; one = other_end(one)) {
            if (one->waits == 0 || other_end(one) == 0) {
                return "deadlock: " + state(*one->waits, one->full) + ", and the process at its other end is done";
            }
            const auto seen = std::find(circle.begin(), circle.end(), one);
            if (seen != circle.end()) {
                circle.erase(circle.begin(), seen);
                break;
            }
            circle.push_back(one);
        }
        const std::size_t count = circle.size();
        std::vector<std::string> told;
        for (std::size_t at = 0; at < count; ++at) {
            std::size_t full = at, empty = (at + 1) % count;
            if (!circle[full]->full || circle[empty]->full) continue;
            // Streams inside an engine say little: go on to those between engines.
            const std::size_t before = count - 1;
            while (!circle[full]->waits->named && circle[(full + before) % count]->full) full = (full + before) % count;
            while (!circle[empty]->waits->named && !circle[(empty + 1) % count]->full) empty = (empty + 1) % count;
            told.push_back(state(*circle[full]->waits, true) + ", " + state(*circle[empty]->waits, false));
        }
        if (std::all_of(circle.begin(), circle.end(), [](const thread* each) { return each->full; })) {
            // A process is behind itself.
            for (const thread* each : circle) {
                if (each->waits->named) told.push_back(state(*each->waits, true));
            }
            if (told.empty()) told.push_back(state(*circle[0]->waits, true));
        }
        std::sort(told.begin(), told.end());
        std::string text = "deadlock: ";
        for (std::size_t n = 0; n < told.size(); ++n) text += (n == 0 ? "" : "; ") + told[n];
        return text;
    }
};

// A DATAFLOW region: its calls are gathered, then run side by side.
class region {
  public:
    void call(std::function<void()> work, std::vector<const fifo*> fifos) {
        calls_.emplace_back(new thread);
        calls_.back()->work = work;
        calls_.back()->fifos = fifos;
    }

    void join() { scheduler::instance().run(calls_); }

  private:
    std::vector<std::unique_ptr<thread> > calls_;
};

inline void fifo::wait_for_word() {
    if (!scheduler::instance().inside()) throw std::runtime_error("read from an empty hls::stream");
    scheduler::instance().wait(*this, false);
}

inline void fifo::wait_for_room() { scheduler::instance().wait(*this, true); }

inline void fifo::moved() {
    if (waiting != 0) scheduler::instance().wake(*this);
}

}  // namespace hls

#endif
