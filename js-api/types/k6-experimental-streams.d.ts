/** The stream classes; they are globals as well. */
declare module 'k6/experimental/streams' {
  const streams: StreamClasses;
  export default streams;
  export import ByteLengthQueuingStrategy = globalThis.ByteLengthQueuingStrategy;
  export import CountQueuingStrategy = globalThis.CountQueuingStrategy;
  export import ReadableStream = globalThis.ReadableStream;
  export import ReadableStreamDefaultReader = globalThis.ReadableStreamDefaultReader;
  export import TextDecoderStream = globalThis.TextDecoderStream;
  export import TransformStream = globalThis.TransformStream;
  export import WritableStream = globalThis.WritableStream;
  export import WritableStreamDefaultWriter = globalThis.WritableStreamDefaultWriter;
}
