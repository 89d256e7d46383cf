/** Whether what one filter allows holds for a topic, or for all that another filter may match. Pure. Section 4.7 of MQTT 3.1.1. */

/** @param asked a topic, or a filter that somebody wants to subscribe to */
export const covers = (allowed: string, asked: string): boolean => {
  const allowedLevels = allowed.split('/')
  const askedLevels = asked.split('/')
  // [MQTT-4.7.2-1]: a wildcard at the beginning does not mean the topics of the broker itself.
  if (asked.startsWith('$') && isWildcard(allowedLevels[0])) return false
  for (const [index, level] of allowedLevels.entries()) {
    // It means the level above it too: `a/#` is also `a`.
    if (level === '#') return true
    const askedLevel = askedLevels[index]
    if (askedLevel === undefined || askedLevel === '#') return false
    if (level !== '+' && level !== askedLevel) return false
  }
  return allowedLevels.length === askedLevels.length
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

const isWildcard = (level = ''): boolean => level === '+' || level === '#'
