using AdaBN.Onnx;
using AdaBN.TestSupport;

namespace AdaBN.Benchmarks.Systems;

/// <summary>
/// The in-graph way: every BatchNormalization normalizes with its batch's statistics and returns them; they are averaged over the
/// batches. Not exact: deeper layers are measured behind batch statistics instead of the final ones.
/// </summary>
internal sealed class BatchStatistics(string model, Images images, SessionSettings settings) : ISystem
{
    private readonly SessionPass _pass = new(Workload.BatchStatisticsFile(model), images, settings);
    private double[][] _averages = [];

    public string Note => settings.ToString();

    public double Pass()
    {
        double[][]? sums = null;
        double milliseconds = _pass.Run(outputs =>
        {
            sums ??= [.. outputs.Select(output => new double[output.Length])];
            for (int i = 0; i < sums.Length; i++)
                for (int c = 0; c < sums[i].Length; c++) sums[i][c] += outputs[i][c];
        });
        int batches = images.Count / settings.Batch;
        _averages = [.. sums!.Select(sum => sum.Select(x => x / batches).ToArray())];
        return milliseconds;
    }

    /// <summary>Layers with no other layer before them have to have the exact means: averages over equal batches.</summary>
    public void Verify()
    {
        AdaptationResult exact = BatchNormAdapter.Adapt(OnnxModel.Load(Workload.ModelFile(model)), images, PaperAdaBN.Options);
        foreach (LayerReport layer in exact.Report.Layers.Where(layer => layer.Depth == 0))
        {
            int output = _pass.OutputNames.ToList().IndexOf($"{layer.Name}:mean");
            Agreement.Check($"in-graph means of '{layer.Name}'", _averages[output], layer.TargetMean, layer.TargetVariance);
        }
    }

    public void Dispose() => _pass.Dispose();
}
