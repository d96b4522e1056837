using System.Collections.Concurrent;
using AdaBN.Onnx;
using AdaBN.Planning;
using AdaBN.Storage;

namespace AdaBN.Measurement;

/// <summary>
/// Opens the sessions of a plan's pieces. They hold no statistics, so passes under other statistics may use them again; where there is to be
/// one pass only, a session is closed as soon as its stage has run.
/// </summary>
internal sealed class PieceShelf(OnnxModel model, AdaptationPlan plan, SlotAllocator allocator, bool keeps) : IDisposable
{
    private readonly ConcurrentDictionary<int, StagePiece?> _kept = new();

    public AdaptationPlan Plan => plan;

    public SlotAllocator Allocator => allocator;

    /// <summary>Opens a stage's piece, or takes it from the shelf; null where the stage has none.</summary>
    public StagePiece? Take(Stage stage, Func<Value, TensorType> typeOf) =>
        _kept.TryRemove(stage.Index, out StagePiece? piece) ? piece
        : stage.PieceOutputs.IsEmpty ? null : StagePiece.Open(model, stage, typeOf, plan.CanRegroup, allocator);

    /// <summary>Takes a piece back.</summary>
    public void Return(Stage stage, StagePiece? piece)
    {
        if (!keeps || !_kept.TryAdd(stage.Index, piece)) piece?.Dispose();
    }

    public void Dispose()
    {
        foreach (StagePiece? piece in _kept.Values) piece?.Dispose();
        _kept.Clear();
    }
}
