package dev.baton.serving.handoff;

import dev.baton.engine.sampling.SamplingParams;
import dev.baton.engine.sampling.TokenLogprobs;
import dev.baton.model.config.ElementType;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Frames as bytes: length of what follows (u32), type (u8), fields; big-endian. A chunk's payload
 * follows its fields. Zeros fill every frame up to a multiple of {@link #ALIGNMENT}, so that
 * payloads stay aligned wherever frames come to lie in a buffer; the length counts them.
 */
final class FrameCodec {
  /** First field of a hello: "BATONKV" and a zero. */
  static final long MAGIC = 0x4241544f4e4b5600L;

  /** Version of this protocol. */
  static final int VERSION = 1;

  /** Element types by their number on the wire. */
  static final List<ElementType> TYPES =
      List.of(ElementType.F32, ElementType.F16, ElementType.BF16);

  /** Longest frame that is no chunk, bytes after the length. */
  static final int MAX_CONTROL = 64 * 1024;

  /** Most transfers that one ping names. */
  static final int MAX_PING = 8192;

  /** Bytes of a chunk's frame before its payload, length included. */
  static final int CHUNK_HEADER = 4 + 1 + 3 + 6 * 4;

  /** Frames take a multiple of so many bytes. */
  static final int ALIGNMENT = 16;

  /** Payload of a chunk, unless a single token of a layer is larger. */
  static final int CHUNK_PAYLOAD = 512 * 1024;

  private static final int MAX_TEXT = 8192;
  private static final int MAX_EVENTS = 64;

  private static final byte HELLO = 1;
  private static final byte REJECT = 2;
  private static final byte PING = 3;
  private static final byte CLAIM = 4;
  private static final byte OFFER = 5;
  private static final byte NOT_NEEDED = 6;
  private static final byte FIRST = 7;
  private static final byte CHUNK = 8;
  private static final byte DONE = 9;
  private static final byte ACCEPTED = 10;
  private static final byte FAIL = 11;
  private static final byte PULL = 12;

  private FrameCodec() {}

  /** Appends a whole frame that is no chunk. */
  static void encode(Frame frame, ByteBuffer out) {
    int start = out.position();
    out.putInt(0);
    switch (frame) {
      case Frame.Hello f -> {
        out.put(HELLO).putLong(MAGIC).putInt(f.version()).putLong(f.instance());
        text(out, f.fingerprint());
        Frame.Shape s = f.shape();
        out.putInt(s.blockSize()).putInt(s.layers()).putInt(s.kvHeads());
        out.putInt(s.headSize()).putInt(s.type());
      }
      case Frame.Reject f -> text(out.put(REJECT), f.reason());
      case Frame.Ping f -> {
        out.put(PING).putInt(f.transfers().length);
        for (int transfer : f.transfers()) {
          out.putInt(transfer);
        }
      }
      case Frame.Claim f -> {
        text(out.put(CLAIM).putInt(f.transfer()), f.transferId());
        text(out, f.worker());
      }
      case Frame.Offer f ->
          out.put(OFFER)
              .putInt(f.transfer())
              .putInt(f.promptTokens())
              .putInt(f.promptHash())
              .putInt(f.from())
              .putInt(f.to());
      case Frame.NotNeeded f -> text(out.put(NOT_NEEDED).putInt(f.transfer()), f.reason());
      case Frame.First f -> {
        out.put(FIRST).putInt(f.transfer()).putInt(f.token());
        logprobs(out, f.logprobs());
        PrefillDurations d = f.durations();
        out.putLong(d.queue()).putLong(d.execute()).putLong(d.save());
        events(out, f.events());
      }
      case Frame.Chunk _ -> throw new IllegalArgumentException("a chunk has a payload");
      case Frame.Done f -> {
        out.put(DONE).putInt(f.transfer()).putLong(f.bytes()).putInt(f.crc());
        events(out, f.events());
      }
      case Frame.Accepted f -> out.put(ACCEPTED).putInt(f.transfer());
      case Frame.Fail f -> text(out.put(FAIL).putInt(f.transfer()), f.reason());
      case Frame.Pull f -> out.put(PULL).putInt(f.transfer());
    }
    finish(out, start);
  }

  /**
   * Writes a chunk's fields in front of a payload that is there already, between {@code start} +
   * {@link #CHUNK_HEADER} and the buffer's position.
   */
  static void encodeChunkHeader(Frame.Chunk f, ByteBuffer out, int start) {
    out.putInt(start + 4, CHUNK << 24);
    out.putInt(start + 8, f.transfer());
    out.putInt(start + 12, f.fromLayer()).putInt(start + 16, f.toLayer());
    out.putInt(start + 20, f.fromToken()).putInt(start + 24, f.toToken());
    out.putInt(start + 28, f.crc());
    finish(out, start);
  }

  private static void finish(ByteBuffer out, int start) {
    while ((out.position() - start) % ALIGNMENT != 0) {
      out.put((byte) 0);
    }
    out.putInt(start, out.position() - start - 4);
  }

  /** Whether the frame at the position, after its length, is a chunk. */
  static boolean isChunk(ByteBuffer in) {
    return in.get(in.position()) == CHUNK;
  }

  /**
   * Reads one frame from {@code in}, which ends with it. After a chunk its payload remains, and up
   * to {@link #ALIGNMENT} - 1 zeros.
   *
   * @throws ProtocolException if it is malformed
   */
  static Frame decode(ByteBuffer in) throws ProtocolException {
    try {
      Frame frame = read(in);
      if (!(frame instanceof Frame.Chunk) && in.remaining() >= ALIGNMENT) {
        throw new ProtocolException("a frame has " + in.remaining() + " bytes too many");
      }
      return frame;
    } catch (BufferUnderflowException short_) {
      throw new ProtocolException("a frame is too short for its type");
    }
  }

  private static Frame read(ByteBuffer in) throws ProtocolException {
    byte type = in.get();
    return switch (type) {
      case HELLO -> {
        if (in.getLong() != MAGIC) {
          throw new ProtocolException("the peer is no Baton worker");
        }
        int version = in.getInt();
        long instance = in.getLong();
        String fingerprint = text(in);
        int block = in.getInt();
        int layers = in.getInt();
        int heads = in.getInt();
        int size = in.getInt();
        int element = in.getInt();
        if (element < 0 || element >= TYPES.size()) {
          throw new ProtocolException("unknown element type " + element);
        }
        boolean fits =
            inRange(block, 1 << 16)
                && inRange(layers, 1 << 12)
                && inRange(heads, 1 << 12)
                && inRange(size, 1 << 12);
        if (!fits) {
          throw new ProtocolException("the peer's KV layout is out of range");
        }
        yield new Frame.Hello(
            version, instance, fingerprint, new Frame.Shape(block, layers, heads, size, element));
      }
      case REJECT -> new Frame.Reject(text(in));
      case PING -> {
        int count = in.getInt();
        if (count < 0 || count > MAX_PING) {
          throw new ProtocolException("a ping names " + count + " transfers");
        }
        int[] transfers = new int[count];
        for (int i = 0; i < count; i++) {
          transfers[i] = in.getInt();
        }
        yield new Frame.Ping(transfers);
      }
      case CLAIM -> {
        int transfer = in.getInt();
        String id = text(in);
        if (id.isEmpty() || id.length() > TransferParams.MAX_ID) {
          throw new ProtocolException("a transfer id has " + id.length() + " characters");
        }
        yield new Frame.Claim(transfer, id, text(in));
      }
      case OFFER ->
          new Frame.Offer(in.getInt(), in.getInt(), in.getInt(), in.getInt(), in.getInt());
      case NOT_NEEDED -> new Frame.NotNeeded(in.getInt(), text(in));
      case FIRST -> {
        int transfer = in.getInt();
        int token = in.getInt();
        TokenLogprobs logprobs = logprobs(in);
        PrefillDurations durations = new PrefillDurations(duration(in), duration(in), duration(in));
        yield new Frame.First(transfer, token, logprobs, durations, events(in));
      }
      case CHUNK -> {
        in.position(in.position() + Math.min(3, in.remaining()));
        yield new Frame.Chunk(
            in.getInt(), in.getInt(), in.getInt(), in.getInt(), in.getInt(), in.getInt());
      }
      case DONE -> new Frame.Done(in.getInt(), in.getLong(), in.getInt(), events(in));
      case ACCEPTED -> new Frame.Accepted(in.getInt());
      case FAIL -> new Frame.Fail(in.getInt(), text(in));
      case PULL -> new Frame.Pull(in.getInt());
      default -> throw new ProtocolException("unknown frame type " + type);
    };
  }

  private static boolean inRange(int value, int most) {
    return value >= 1 && value <= most;
  }

  private static long duration(ByteBuffer in) throws ProtocolException {
    long nanos = in.getLong();
    if (nanos < 0 || nanos > 86_400_000_000_000L) {
      throw new ProtocolException("a duration of " + nanos + " ns");
    }
    return nanos;
  }

  private static void logprobs(ByteBuffer out, @Nullable TokenLogprobs logprobs) {
    if (logprobs == null) {
      out.putInt(-1);
      return;
    }
    out.putInt(logprobs.topIds().length).putFloat(logprobs.logprob());
    for (int i = 0; i < logprobs.topIds().length; i++) {
      out.putInt(logprobs.topIds()[i]).putFloat(logprobs.topLogprobs()[i]);
    }
  }

  private static @Nullable TokenLogprobs logprobs(ByteBuffer in) throws ProtocolException {
    int count = in.getInt();
    if (count == -1) {
      return null;
    }
    if (count < 0 || count > SamplingParams.MAX_LOGPROBS) {
      throw new ProtocolException("a token with " + count + " alternatives");
    }
    float chosen = in.getFloat();
    int[] ids = new int[count];
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      ids[i] = in.getInt();
      values[i] = in.getFloat();
    }
    return new TokenLogprobs(chosen, ids, values);
  }

  private static void events(ByteBuffer out, List<TimedEvent> events) {
    out.putInt(events.size());
    for (TimedEvent event : events) {
      text(out, event.event());
      out.putDouble(event.atMs());
    }
  }

  private static List<TimedEvent> events(ByteBuffer in) throws ProtocolException {
    int count = in.getInt();
    if (count < 0 || count > MAX_EVENTS) {
      throw new ProtocolException("a timeline of " + count + " events");
    }
    List<TimedEvent> events = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      String name = text(in);
      double at = in.getDouble();
      if (name.length() > 64 || !Double.isFinite(at)) {
        throw new ProtocolException("a malformed event in a timeline");
      }
      events.add(new TimedEvent(name, at));
    }
    return events;
  }

  private static void text(ByteBuffer out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, MAX_TEXT);
    out.putInt(length).put(bytes, 0, length);
  }

  private static String text(ByteBuffer in) throws ProtocolException {
    int length = in.getInt();
    if (length < 0 || length > MAX_TEXT) {
      throw new ProtocolException("a text of " + length + " bytes");
    }
    if (length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] bytes = new byte[length];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
