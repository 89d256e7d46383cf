/** Splits a command line into words as a shell does: blanks, both quotes, backslashes. Nothing is expanded. */
export const shellWords = (text: string): { ok: true; words: string[] } | { ok: false; message: string } => {
  const words: string[] = []
  let word: string | undefined
  let quoteMark: string | undefined
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string
    if (character === '\\' && quoteMark !== "'") {
      const next = text[index + 1]
      if (next === undefined) return { ok: false, message: 'ends with a backslash' }
      index++
      if (next === '\n') continue
      // Inside double quotes a backslash is special only before these.
      word = (word ?? '') + (quoteMark === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next)
    } else if (quoteMark !== undefined) {
      if (character === quoteMark) quoteMark = undefined
      else word = (word ?? '') + character
    } else if (character === '"' || character === "'") {
      quoteMark = character
      word ??= ''
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + character
    }
  }
  if (quoteMark !== undefined) return { ok: false, message: `has a ${quoteMark} that is never closed` }
  if (word !== undefined) words.push(word)
  return { ok: true, words }
}
