/**
 * Paths, and patterns of paths. A `*` stands for any text within one step; a pattern covers what it names and all that
 * is below it. The same for paths of the device, names of CDI and names of images. Pure.
 */

/** As the kernel reads it: one slash between steps, none at the end, no step `.`. A `..` stays for the caller to refuse. */
export const plainPath = (path: string): string => `/${stepsOf(path).join('/')}`

/** Whether the pattern names `path`, or something above it. */
export const covers = (pattern: string, path: string): boolean => {
  if (pattern.startsWith('/') !== path.startsWith('/')) return false
  const steps = stepsOf(path)
  const wanted = stepsOf(pattern)
  return wanted.length <= steps.length && wanted.every((step, index) => matches(step, steps[index] ?? ''))
}

/** Whether what the pattern names can lie below `folder`. */
export const liesUnder = (pattern: string, folder: string): boolean => {
  if (pattern.startsWith('/') !== folder.startsWith('/')) return false
  const steps = stepsOf(folder)
  const wanted = stepsOf(pattern)
  return wanted.length > steps.length && steps.every((step, index) => matches(wanted[index] ?? '', step))
}

/** `*` stands for any text. Linear in time for any input: no pattern of a file becomes a regular expression. */
export const matches = (pattern: string, text: string): boolean => {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return pattern === text
  if (!text.startsWith(first)) return false
  let position = first.length
  for (const part of rest) {
    const found = text.indexOf(part, position)
    if (found < 0) return false
    position = found + part.length
  }
  return text.length - last.length >= position && text.endsWith(last)
}

export const stepsOf = (path: string): string[] => path.split('/').filter((step) => step !== '' && step !== '.')
