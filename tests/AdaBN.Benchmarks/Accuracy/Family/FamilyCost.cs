using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace AdaBN.Benchmarks.Accuracy.Family;

/// <summary>Run time of a row as a ratio to the source model's.</summary>
/// <param name="Model">The model.</param>
/// <param name="Row">The row.</param>
/// <param name="Threads">Threads of a session; 0 for ONNX Runtime's default.</param>
/// <param name="Batch">Images a call.</param>
/// <param name="Ratio">Median over the rounds.</param>
internal sealed record RowCost(string Model, string Row, int Threads, int Batch, double Ratio);

/// <summary>What each row costs at run time: row and source model in turn, warm, on the same images; the median of the rounds' ratios.</summary>
internal static class FamilyCost
{
    public const int Rounds = 9;
    public static readonly IReadOnlyList<(int Threads, int Batch)> Settings = [(1, 1), (1, 64), (0, 1), (0, 64)];
    private static readonly TimeSpan _turn = TimeSpan.FromMilliseconds(10);

    public static IEnumerable<RowCost> Measure(Classifier model, FamilyTarget target, string set)
    {
        Console.WriteLine($"family: run-time cost, {model.Name} ({set})");
        Entrant[] entrants = [.. FamilyRow.All.Select(row => row.Make(model, target))];
        foreach ((int threads, int batch) in Settings)
        {
            using var source = new Caller(entrants[0], model.Shape, threads, batch);
            int calls = (int)Math.Clamp(_turn / source.Time(1), 1, 1000);
            foreach ((FamilyRow row, Entrant entrant) in FamilyRow.All.Zip(entrants).Skip(1))
            {
                using var caller = new Caller(entrant, model.Shape, threads, batch);
                var ratios = new double[Rounds];
                for (int round = 0; round < Rounds; round++)
                {
                    TimeSpan plain = source.Time(calls);
                    ratios[round] = caller.Time(calls) / plain;
                }
                yield return new RowCost(model.Name, row.Name, threads, batch, ratios.Order().ElementAt(Rounds / 2));
            }
        }
    }

    /// <summary>A session, warm, and a batch to call it with.</summary>
    private sealed class Caller : IDisposable
    {
        private readonly Entrant _entrant;
        private readonly InferenceSession _session;
        private readonly RunOptions _run = new();
        private readonly float[][] _images;
        private readonly float[] _data;
        private readonly long[] _shape;

        public Caller(Entrant entrant, int[] shape, int threads, int batch)
        {
            using var settings = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
            (_entrant, _session) = (entrant, new InferenceSession(entrant.Model.ToBytes(), settings));
            var random = new Random(1);
            _images = [.. Enumerable.Range(0, batch).Select(_ => Enumerable.Range(0, shape.Aggregate(1, (product, length) => product * length)).Select(_ => random.NextSingle()).ToArray())];
            _data = new float[_images.Sum(image => image.Length)];
            _shape = [batch, .. shape.Select(length => (long)length)];
            Time(1);
        }

        public TimeSpan Time(int calls)
        {
            long start = Stopwatch.GetTimestamp();
            for (int call = 0; call < calls; call++)
            {
                for (int i = 0; i < _images.Length; i++) (_entrant.Before?.Invoke(_images[i]) ?? _images[i]).CopyTo(_data, i * _images[i].Length);
                using var input = OrtValue.CreateTensorValueFromMemory(_data, _shape);
                using IDisposableReadOnlyCollection<OrtValue> outputs = _session.Run(_run, _session.InputNames, Classifier.Inputs(_session, input, _images.Length, _entrant.Domain), [_session.OutputNames[0]]);
            }
            return Stopwatch.GetElapsedTime(start);
        }

        public void Dispose()
        {
            _run.Dispose();
            _session.Dispose();
        }
    }
}
