/** A file name in a form that no terminal or log takes for anything but text. */
export const printable = (name: string | Uint8Array): string =>
  typeof name === 'string' ? escapeText(name) : escapeBytes(Buffer.from(name))

/** Control and format characters, what ends a line, and halves of a pair. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

const escapeText = (text: string): string =>
  text.replace(unprintable, (character) => {
    const point = character.codePointAt(0) ?? 0
    const known = { 9: '\\t', 10: '\\n', 13: '\\r' }[point]
    return known ?? (point < 256 ? `\\x${hex(point, 2)}` : `\\u{${hex(point, 4)}}`)
  })

/** What is not UTF-8 byte by byte, so that a person can find the file. */
const escapeBytes = (bytes: Buffer): string => {
  const text = decodeUtf8(bytes)
  if (text !== undefined) return escapeText(text)
  return [...bytes]
    .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${hex(byte, 2)}`))
    .join('')
}

/** undefined: the bytes are not UTF-8. */
export const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
