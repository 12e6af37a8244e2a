package dev.baton.bench.dataset;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;

/** Why a file could not be read, in words. */
final class FileFailure {
  private FileFailure() {}

  static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> "there is no such file";
      case AccessDeniedException denied -> "access is denied";
      case CharacterCodingException malformed -> "it is not UTF-8 text";
      default -> String.valueOf(e.getMessage());
    };
  }
}
