// The cache of a jitted function: entries by the hash of their signature.
//
// Comparing static arguments and structures may run the user's __eq__, and that may
// call the function or empty its cache; `changes_` tells, and the search starts again.
#include "jit_call.h"

namespace chainrule::jit {
namespace {

/// 1 if the static arguments are the same, 0 if not, -1 with an exception.
int same_static(const Static& held, const Static& given) {
    if (held.name != given.name) {
        if (!held.name || !given.name || PyUnicode_Compare(held.name, given.name) != 0)
            return 0;
    }
    if (!held.name && held.position != given.position) return 0;
    if (held.value == given.value) return 1;
    if (Py_TYPE(held.value) != Py_TYPE(given.value)) return 0;
    return PyObject_RichCompareBool(held.value, given.value, Py_EQ);
}

}  // namespace

Entry::~Entry() {
    for (Static& held : statics) {
        Py_XDECREF(held.name);
        Py_XDECREF(held.value);
    }
    Py_XDECREF(tree);
    Py_XDECREF(program);
    Py_XDECREF(out_tree);
}

int Entry::matches(Call& call, std::uint64_t wanted_token) const {
    auto count = static_cast<Py_ssize_t>(avals.size());
    if (token != wanted_token || count != call.size() || !tree != !call.tree() ||
        static_cast<Py_ssize_t>(statics.size()) != call.static_count())
        return 0;
    for (Py_ssize_t i = 0; i < count; ++i)
        if (avals[i] != call.avals()[i]) return 0;
    if (tree != call.tree()) {
        int same = PyObject_RichCompareBool(tree, call.tree(), Py_EQ);
        if (same <= 0) return same;
    }
    for (Py_ssize_t i = 0; i < call.static_count(); ++i) {
        int same = same_static(statics[i], call.static_at(i));
        if (same <= 0) return same;
    }
    return 1;
}

EntryRef Cache::find(Call& call, std::uint64_t token, bool* failed) {
    if (last_) {
        EntryRef entry(last_.get());
        int same = entry.get()->matches(call, token);
        if (same > 0) return entry;
        *failed = same < 0;
        if (*failed) return EntryRef();
    }
    std::uint64_t hash;
    *failed = !call.hash(token, &hash);
    if (*failed) return EntryRef();
    std::uint64_t seen;
    do {
        seen = changes_;
        auto range = entries_.equal_range(hash);
        for (auto at = range.first; at != range.second && seen == changes_; ++at) {
            EntryRef entry(at->second.get());
            int same = entry.get()->matches(call, token);
            *failed = same < 0;
            if (*failed) return EntryRef();
            if (same > 0) {
                last_ = EntryRef(entry.get());
                return entry;
            }
            if (seen != changes_) break;
        }
    } while (seen != changes_);
    return EntryRef();
}

void Cache::insert(EntryRef entry) {
    ++changes_;
    last_ = EntryRef(entry.get());
    entries_.emplace(entry.get()->hash, std::move(entry));
}

void Cache::clear() {
    ++changes_;
    std::unordered_multimap<std::uint64_t, EntryRef> dropped;
    dropped.swap(entries_);  // what an entry's end runs sees an empty cache
    EntryRef last = std::move(last_);
}

int Cache::traverse(visitproc visit, void* arg) const {
    for (const auto& item : entries_) {
        const Entry& entry = *item.second.get();
        Py_VISIT(entry.tree);
        Py_VISIT(entry.program);
        Py_VISIT(entry.out_tree);
        for (const Static& held : entry.statics) Py_VISIT(held.value);
    }
    return 0;
}

}  // namespace chainrule::jit
