/** An element of a picture: its name, its attributes, and what is in it. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...content: readonly string[]
): string {
  const texts = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`)
  return content.length === 0
    ? `<${name}${texts.join('')}/>`
    : `<${name}${texts.join('')}>${content.join('')}</${name}>`
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
