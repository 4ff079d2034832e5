/** Tables are being made anew for the descriptions of this bridge, by a command. It waits, and then goes on. */
export class RebuildUnderWay extends Error {
  constructor() {
    super(
      'tables are being made anew by npx divan rebuild; if that was cut off, run it again and it goes on, or give it up: npx divan rebuild cancel',
    )
    this.name = 'RebuildUnderWay'
  }
}
