/** Whether what one filter allows holds for a topic, or for all that another filter may match. Pure. Section 4.7 of MQTT 3.1.1. */

/** Level by level, without taking either apart first: it is asked for every message. @param asked a topic, or a filter to subscribe to */
export const covers = (allowed: string, asked: string): boolean => {
  // [MQTT-4.7.2-1]: a wildcard at the beginning does not mean the topics of the broker itself.
  if (asked.startsWith('$') && /^[+#]/.test(allowed)) return false
  let start = 0
  let askedStart = 0
  for (;;) {
    const end = endOfLevel(allowed, start)
    const level = allowed.slice(start, end)
    // It means the level above it too: `a/#` is also `a`.
    if (level === '#') return true
    if (askedStart > asked.length) return false
    const askedEnd = endOfLevel(asked, askedStart)
    const askedLevel = asked.slice(askedStart, askedEnd)
    if (askedLevel === '#' || (level !== '+' && level !== askedLevel)) return false
    if (end === allowed.length) return askedEnd === asked.length
    start = end + 1
    askedStart = askedEnd + 1
  }
}

const endOfLevel = (topic: string, start: number): number => {
  const slash = topic.indexOf('/', start)
  return slash < 0 ? topic.length : slash
}

/**
 * `{user}` and `{client}` as somebody calls himself. undefined where a name could mean more than one level: with a client
 * that calls itself `#` a rule would else allow everything.
 */
export const fillIn = (
  filter: string,
  names: { readonly user: string; readonly client: string },
): string | undefined => {
  let isUnsafe = false
  const filled = filter.replace(/\{(user|client)\}/g, (_match, kind: 'user' | 'client') => {
    isUnsafe ||= names[kind] === '' || /[/+#$]/.test(names[kind])
    return names[kind]
  })
  return isUnsafe ? undefined : filled
}

/** Section 4.7.1: `#` stands last, and a wildcard has its level to itself. */
export const isFilter = (filter: string): boolean =>
  filter !== '' &&
  !filter.includes('\0') &&
  filter
    .split('/')
    .every(
      (level, index, { length }) => !/[+#]/.test(level) || level === '+' || (level === '#' && index === length - 1),
    )
