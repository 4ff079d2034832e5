/** How rows become an answer. Every piece ends where a heartbeat's newline does no harm. */
export type FeedFrame = {
  readonly contentType: string
  readonly head: string
  /** Before a row; `isFirst` for the first one. */
  before(isFirst: boolean): string
  /** After a row; `seq` as JSON. */
  after(seq: string): string
  /** The same, where it is one text for all rows. */
  readonly behind: string | undefined
  /** The last line. */
  tail(end: FeedEnd): string
}

export type FeedEnd = { readonly lastSeq: string; readonly pending: number; readonly rewound: boolean }

/** One JSON object: normal and longpoll. The newlines of heartbeats are white space in it. */
const OBJECT: FeedFrame = {
  contentType: 'application/json',
  head: '{"results":[\n',
  before: isFirst => (isFirst ? '' : ',\n'),
  after: () => '',
  behind: '',
  tail: end => `\n],\n${endText(end)}}\n`,
}

/** A line of JSON for each row: continuous. */
const LINES: FeedFrame = {
  contentType: 'application/json',
  head: '',
  before: () => '',
  after: () => '\n',
  behind: '\n',
  tail: end => `{${endText(end)}}\n`,
}

const EVENTS: FeedFrame = {
  contentType: 'text/event-stream',
  head: '',
  before: () => 'data: ',
  after: seq => `\nid: ${seq}\n\n`,
  behind: undefined,
  tail: () => '',
}

export const FRAMES = { normal: OBJECT, longpoll: OBJECT, continuous: LINES, eventsource: EVENTS } as const

/** `rewound` tells a peer that its `since` was not of this history and that rows come again. */
export function endText({ lastSeq, pending, rewound }: FeedEnd): string {
  return `"last_seq":${JSON.stringify(lastSeq)},"pending":${pending}${rewound ? ',"rewound":true' : ''}`
}
