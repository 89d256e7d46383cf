/** An amount of bytes for people, in binary units with three digits: 512 B, 3.8 KiB, 24 MiB, 1.2 GiB. Pure. */
export const amountText = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let [value, unit] = [bytes, 0]
  // What would be rounded to four digits is one of the next.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
