/** How many columns of a terminal a text takes: its letters are not all of one width. Pure. */

/** Unicode has no property for it that JavaScript knows; these are what terminals draw over two columns. */
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u

/** Marks that stand on the letter before, and what only steers how others are drawn. */
const withoutWidth = /[\p{Mn}\p{Me}\p{Cf}]/u

const plain = /^[\x20-\x7e]*$/

export const widthOf = (text: string): number => {
  if (plain.test(text)) return text.length
  let width = 0
  for (const character of text) width += widthOfOne(character)
  return width
}

/** As much of its beginning as fits; no character is torn. */
export const cutTo = (text: string, columns: number): string => {
  if (plain.test(text)) return text.slice(0, Math.max(0, columns))
  let [kept, left] = ['', columns]
  for (const character of text) {
    left -= widthOfOne(character)
    if (left < 0) break
    kept += character
  }
  return kept
}

const widthOfOne = (character: string): number => (withoutWidth.test(character) ? 0 : wide.test(character) ? 2 : 1)
