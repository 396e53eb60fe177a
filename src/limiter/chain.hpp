// A doubly linked list through members of its elements: they know their place, so moving and removing cost no search
// and no allocation. Does not own. Confined to one thread.
#pragma once

namespace envoyou::limiter {

template <class T>
struct ChainLink {
  T* previous = nullptr;
  T* next = nullptr;
};

template <class T, ChainLink<T> T::*Link>
class Chain {
 public:
  bool empty() const noexcept { return front_ == nullptr; }
  T* front() const noexcept { return front_; }
  static T* next(const T& element) noexcept { return (element.*Link).next; }

  // REQUIRES: element is in no chain of this link.
  void push_back(T& element) noexcept {
    element.*Link = {back_, nullptr};
    (back_ != nullptr ? (back_->*Link).next : front_) = &element;
    back_ = &element;
  }
  // REQUIRES: element is in this chain.
  void remove(T& element) noexcept {
    const ChainLink<T> link = element.*Link;
    (link.previous != nullptr ? (link.previous->*Link).next : front_) = link.next;
    (link.next != nullptr ? (link.next->*Link).previous : back_) = link.previous;
    element.*Link = {};
  }

 private:
  T* front_ = nullptr;
  T* back_ = nullptr;
};

}  // namespace envoyou::limiter
