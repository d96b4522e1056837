using Microsoft.ML.Data;

namespace AdaBN.MLNet.Scoring;

/// <summary>Rows read ahead: what is passed on, the model's inputs as tensors and, once scored, its outputs. Reused by its cursor.</summary>
internal sealed class RowBlock(int capacity, Array[] passed, Array[] inputs, OutputBuffer[] outputs)
{
    /// <summary>No rows: where a cursor stands before the first block and behind the last.</summary>
    public static RowBlock Empty { get; } = new(0, [], [], []);

    public int Capacity => capacity;

    /// <summary>The rows in it.</summary>
    public int Count { get; set; }

    public DataViewRowId[] Ids { get; } = new DataViewRowId[capacity];

    /// <summary>The rows' <see cref="Microsoft.ML.DataViewRow.Batch"/>, by which consumers of a cursor set find the order.</summary>
    public long[] Batches { get; } = new long[capacity];

    public Array[] Passed => passed;

    public Array[] Inputs => inputs;

    public OutputBuffer[] Outputs => outputs;

    /// <summary>The scoring of the block; null where its cursor scores it by itself.</summary>
    public Task? Scoring { get; set; }
}
