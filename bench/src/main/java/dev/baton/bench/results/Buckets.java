package dev.baton.bench.results;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Peaks over time. */
final class Buckets {
  private Buckets() {}

  private static double earliest(List<RequestSample> done) {
    return done.stream().mapToDouble(RequestSample::startTime).min().orElse(0);
  }

  private static int seconds(List<RequestSample> done, double origin) {
    double last = done.stream().mapToDouble(Buckets::end).max().orElse(origin);
    return (int) Math.ceil(last - origin) + 1;
  }

  private static double end(RequestSample request) {
    double end = request.startTime() + request.ttft();
    for (double gap : request.itls()) {
      end += gap;
    }
    return end;
  }

  /** Most chunks in a whole second since the first request. */
  static double mostChunksPerSecond(List<RequestSample> done) {
    if (done.isEmpty()) {
      return 0;
    }
    double origin = earliest(done);
    double[] buckets = new double[seconds(done, origin)];
    double most = 0;
    for (RequestSample request : done) {
      double at = request.startTime() + request.ttft();
      most = Math.max(most, ++buckets[(int) (at - origin)]);
      for (double gap : request.itls()) {
        at += gap;
        most = Math.max(most, ++buckets[(int) (at - origin)]);
      }
    }
    return most;
  }

  /** vLLM's count: a request is in every second that it touches, so that it counts too many. */
  static int mostRequestsPerSecond(List<RequestSample> done) {
    if (done.isEmpty()) {
      return 0;
    }
    double origin = earliest(done);
    int[] buckets = new int[seconds(done, origin)];
    int most = 0;
    for (RequestSample request : done) {
      int to = (int) (end(request) - origin);
      for (int second = (int) (request.startTime() - origin); second <= to; second++) {
        most = Math.max(most, ++buckets[second]);
      }
    }
    return most;
  }

  private record Edge(double at, int step) {}

  /** Most requests in flight at one instant; one that ends as another begins does not overlap. */
  static int peakConcurrency(List<RequestSample> done) {
    List<Edge> edges = new ArrayList<>(2 * done.size());
    for (RequestSample request : done) {
      edges.add(new Edge(request.startTime(), 1));
      edges.add(new Edge(end(request), -1));
    }
    edges.sort(Comparator.comparingDouble(Edge::at).thenComparingInt(Edge::step));
    int open = 0;
    int most = 0;
    for (Edge edge : edges) {
      open += edge.step();
      most = Math.max(most, open);
    }
    return most;
  }
}
