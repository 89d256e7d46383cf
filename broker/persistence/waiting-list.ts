/** A queue in order of `seq`: both ends cost nothing, and one from the middle little. */

export type WaitingList<Item> = {
  readonly push: (item: Item) => void
  readonly first: () => Item | undefined
  readonly shift: () => Item | undefined
  /** Takes out the one with that `seq`. */
  readonly remove: (seq: number) => Item | undefined
  readonly has: (seq: number) => boolean
  readonly count: () => number
  /** From the first; nothing is copied, so it may be left early. */
  readonly items: () => Iterable<Item>
}

export const createWaitingList = <Item extends { readonly message: { readonly seq: number } }>(): WaitingList<Item> => {
  /** Those before `head` are gone; `gone` are of those behind it. */
  let slots: (Item | undefined)[] = []
  let head = 0
  let gone = new Set<Item>()

  /** What is gone is not held on to. */
  const leave = (): void => {
    slots[head] = undefined
    head += 1
  }

  const skip = (): void => {
    for (let item = slots[head]; item !== undefined && gone.delete(item); item = slots[head]) leave()
    if (head > 256 && head * 2 > slots.length) {
      slots = slots.slice(head)
      head = 0
    }
  }

  const find = (seq: number): Item | undefined => {
    let low = head
    let high = slots.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((slots[middle] as Item).message.seq < seq) low = middle + 1
      else high = middle
    }
    const item = slots[low]
    return item !== undefined && item.message.seq === seq && !gone.has(item) ? item : undefined
  }

  function* items(): Iterable<Item> {
    for (let at = head; at < slots.length; at += 1) {
      const item = slots[at]
      if (item !== undefined && !gone.has(item)) yield item
    }
  }

  return {
    push: (item) => {
      const last = slots.at(-1)
      if (slots.length === head || last === undefined || last.message.seq < item.message.seq) slots.push(item)
      else {
        // Only where a file is read that tells of things twice.
        slots = [...items(), item].sort((a, b) => a.message.seq - b.message.seq)
        head = 0
        gone = new Set()
      }
    },
    first: () => slots[head],
    shift: () => {
      const item = slots[head]
      if (item !== undefined) leave()
      skip()
      return item
    },
    remove: (seq) => {
      const item = find(seq)
      if (item !== undefined) gone.add(item)
      skip()
      return item
    },
    has: (seq) => find(seq) !== undefined,
    count: () => slots.length - head - gone.size,
    items,
  }
}
