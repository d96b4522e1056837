using System.Collections.Concurrent;
using AdaBN.Input;
using AdaBN.Onnx;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>What the model's last stage gives for chosen samples: one row of scores each.</summary>
/// <param name="samples">Numbers of the samples, in the order of the rows.</param>
internal sealed class ScoreSheet(IReadOnlyList<long> samples)
{
    private readonly Dictionary<long, int> _places = samples.Select((sample, row) => (sample, row)).ToDictionary(pair => pair.sample, pair => pair.row);
    private readonly ConcurrentDictionary<int, float[]> _rows = new();
    private volatile bool _isOther;

    /// <summary>The scores, a row a sample; null where the output is not one number a class for each sample.</summary>
    public float[][]? Rows => _isOther || _rows.Count < samples.Count ? null : [.. Enumerable.Range(0, samples.Count).Select(row => _rows[row])];

    /// <summary>Takes the scores of a batch.</summary>
    public void Add(BoundTensor tensor, TensorForm form, Batch batch)
    {
        bool isClassScores = form is { ElementType: ElementType.Float, RowsPerSample: 1, Tail: [>= 2, ..], Positions: 1 } && tensor.Shape.SequenceEqual(form.Shape(batch.Rows));
        if (!isClassScores) _isOther = true;
        for (int i = 0; i < batch.Samples && isClassScores; i++)
            if (_places.TryGetValue(batch.First + i, out int row)) _rows[row] = tensor.Slot.Floats(i * form.SampleLength, (int)form.Tail[0]).ToArray();
    }
}
