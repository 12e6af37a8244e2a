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
  static final int VERSION = 4;

  /** Element types by their number on the wire. */
  static final List<ElementType> TYPES =
      List.of(ElementType.F32, ElementType.F16, ElementType.BF16);

  /** Longest frame that is no chunk, bytes after the length. */
  static final int MAX_CONTROL = 64 * 1024;

  /** Most transfers that one ping names. */
  static final int MAX_PING = 8192;

  /** Bytes of a chunk's frame before its payload, length included. */
  static final int CHUNK_HEADER = 48;

  /** Frames take a multiple of so many bytes. */
  static final int ALIGNMENT = 16;

  /**
   * Payload of a chunk, unless a single token of a layer is larger. Two workers that share a GPU
   * take turns on it, which makes every copy to or from it wait: a quarter of this size moves less
   * than half as fast.
   */
  static final int CHUNK_PAYLOAD = 2 << 20;

  /** Longest block table of an offer. */
  static final int MAX_BLOCKS = 15_000;

  /** Longest greeting or invitation of a plane, bytes. */
  static final int MAX_GREETING = 1024;

  /** Most planes of one worker. */
  static final int MAX_PLANES = 8;

  /** Bytes of a ballast's frame before its payload, length included. */
  static final int BALLAST_HEADER = ALIGNMENT;

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
  private static final byte MOVED = 13;
  private static final byte RELEASED = 14;
  private static final byte INVITE = 15;
  private static final byte INVITED = 16;
  private static final byte PROBE = 17;
  private static final byte MEASURED = 18;
  private static final byte BALLAST = 19;
  private static final byte ECHO = 20;

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
        out.putInt(f.planes().size());
        for (Frame.Greeting greeting : f.planes()) {
          greeting(out, greeting);
        }
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
      case Frame.Offer f -> {
        out.put(OFFER).putInt(f.transfer()).putInt(f.promptTokens()).putInt(f.promptHash());
        out.putInt(f.from()).putInt(f.to()).putInt(f.paired() ? 1 : 0);
        out.putInt(f.blocks().length);
        for (int block : f.blocks()) {
          out.putInt(block);
        }
      }
      case Frame.NotNeeded f -> text(out.put(NOT_NEEDED).putInt(f.transfer()), f.reason());
      case Frame.First f -> {
        out.put(FIRST).putInt(f.transfer()).putInt(f.token());
        logprobs(out, f.logprobs());
        PrefillDurations d = f.durations();
        out.putLong(d.queue()).putLong(d.execute()).putLong(d.save());
        out.putLong(d.early()).putLong(d.idle());
        events(out, f.events());
      }
      case Frame.Chunk _ -> throw new IllegalArgumentException("a chunk has a payload");
      case Frame.Done f -> {
        out.put(DONE).putInt(f.transfer()).putLong(f.bytes()).putLong(f.sum());
        events(out, f.events());
      }
      case Frame.Accepted f -> out.put(ACCEPTED).putInt(f.transfer());
      case Frame.Fail f -> text(out.put(FAIL).putInt(f.transfer()), f.reason());
      case Frame.Pull f -> out.put(PULL).putInt(f.transfer());
      case Frame.Moved f -> {
        out.put(MOVED).putInt(f.transfer()).putInt(f.fromLayer()).putInt(f.toLayer());
        out.putInt(f.fromToken()).putInt(f.toToken());
      }
      case Frame.Released f -> out.put(RELEASED).putInt(f.transfer());
      case Frame.Invite f -> greeting(out.put(INVITE), f.invitation());
      case Frame.Invited f -> {
        text(out.put(INVITED), f.plane());
        text(out, f.obstacle());
      }
      case Frame.Probe f -> out.put(PROBE).putLong(f.bytes());
      case Frame.Measured f -> text(out.put(MEASURED).putDouble(f.gigabytesPerSecond()), f.plane());
      case Frame.Ballast _ -> throw new IllegalArgumentException("ballast has a payload");
      case Frame.Echo _ -> out.put(ECHO);
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
    out.putLong(start + 28, f.sum());
    for (int at = start + 36; at < start + CHUNK_HEADER; at++) {
      out.put(at, (byte) 0);
    }
    finish(out, start);
  }

  /** As {@link #encodeChunkHeader}, for a payload behind {@link #BALLAST_HEADER} bytes. */
  static void encodeBallastHeader(Frame.Ballast f, ByteBuffer out, int start) {
    out.putInt(start + 4, (BALLAST << 24) | (f.last() ? 1 : 0));
    out.putLong(start + 8, 0);
    finish(out, start);
  }

  private static void finish(ByteBuffer out, int start) {
    while ((out.position() - start) % ALIGNMENT != 0) {
      out.put((byte) 0);
    }
    out.putInt(start, out.position() - start - 4);
  }

  /** Whether the frame that begins with this byte has a payload: a chunk, or ballast. */
  static boolean hasPayload(byte type) {
    return type == CHUNK || type == BALLAST;
  }

  /**
   * Reads one frame from {@code in}, which ends with it. After a chunk or ballast its payload
   * remains, and up to {@link #ALIGNMENT} - 1 zeros.
   *
   * @throws ProtocolException if it is malformed
   */
  static Frame decode(ByteBuffer in) throws ProtocolException {
    try {
      Frame frame = read(in);
      boolean payload = frame instanceof Frame.Chunk || frame instanceof Frame.Ballast;
      if (!payload && in.remaining() >= ALIGNMENT) {
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
        Frame.Shape shape = new Frame.Shape(block, layers, heads, size, element);
        if (version != VERSION) {
          in.position(in.limit()); // whatever another version adds
          yield new Frame.Hello(version, instance, fingerprint, shape);
        }
        yield new Frame.Hello(version, instance, fingerprint, shape, planes(in));
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
      case OFFER -> offer(in);
      case NOT_NEEDED -> new Frame.NotNeeded(in.getInt(), text(in));
      case FIRST -> {
        int transfer = in.getInt();
        int token = in.getInt();
        TokenLogprobs logprobs = logprobs(in);
        PrefillDurations durations =
            new PrefillDurations(
                duration(in), duration(in), duration(in), duration(in), duration(in));
        yield new Frame.First(transfer, token, logprobs, durations, events(in));
      }
      case CHUNK -> {
        skip(in, 3);
        Frame.Chunk chunk =
            new Frame.Chunk(
                in.getInt(), in.getInt(), in.getInt(), in.getInt(), in.getInt(), in.getLong());
        skip(in, CHUNK_HEADER - 36);
        yield chunk;
      }
      case DONE -> new Frame.Done(in.getInt(), in.getLong(), in.getLong(), events(in));
      case ACCEPTED -> new Frame.Accepted(in.getInt());
      case FAIL -> new Frame.Fail(in.getInt(), text(in));
      case PULL -> new Frame.Pull(in.getInt());
      case MOVED ->
          new Frame.Moved(in.getInt(), in.getInt(), in.getInt(), in.getInt(), in.getInt());
      case RELEASED -> new Frame.Released(in.getInt());
      case INVITE -> new Frame.Invite(greeting(in));
      case INVITED -> new Frame.Invited(text(in), text(in));
      case PROBE -> new Frame.Probe(in.getLong());
      case MEASURED -> {
        double speed = in.getDouble();
        if (!(speed >= 0 && speed < 1e9)) {
          throw new ProtocolException("a speed of " + speed);
        }
        yield new Frame.Measured(text(in), speed);
      }
      case BALLAST -> {
        skip(in, 2);
        Frame.Ballast ballast = new Frame.Ballast(in.get() != 0);
        skip(in, BALLAST_HEADER - 8);
        yield ballast;
      }
      case ECHO -> new Frame.Echo();
      default -> throw new ProtocolException("unknown frame type " + type);
    };
  }

  private static Frame.Offer offer(ByteBuffer in) throws ProtocolException {
    int transfer = in.getInt();
    int tokens = in.getInt();
    int hash = in.getInt();
    int from = in.getInt();
    int to = in.getInt();
    boolean paired = in.getInt() != 0;
    int count = in.getInt();
    if (count < 0 || count > MAX_BLOCKS) {
      throw new ProtocolException("an offer of " + count + " blocks");
    }
    int[] blocks = new int[count];
    for (int i = 0; i < count; i++) {
      blocks[i] = in.getInt();
    }
    return new Frame.Offer(transfer, tokens, hash, from, to, paired, blocks);
  }

  private static List<Frame.Greeting> planes(ByteBuffer in) throws ProtocolException {
    int count = in.getInt();
    if (count < 0 || count > MAX_PLANES) {
      throw new ProtocolException("a worker with " + count + " data planes");
    }
    List<Frame.Greeting> planes = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      planes.add(greeting(in));
    }
    return planes;
  }

  private static void greeting(ByteBuffer out, Frame.Greeting greeting) {
    text(out, greeting.plane());
    out.putInt(greeting.content().length).put(greeting.content());
  }

  private static Frame.Greeting greeting(ByteBuffer in) throws ProtocolException {
    String plane = text(in);
    int length = in.getInt();
    if (length < 0 || length > MAX_GREETING || plane.length() > 64) {
      throw new ProtocolException("a plane's greeting of " + length + " bytes");
    }
    if (length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] content = new byte[length];
    in.get(content);
    return new Frame.Greeting(plane, content);
  }

  private static void skip(ByteBuffer in, int count) {
    in.position(in.position() + Math.min(count, in.remaining()));
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
