namespace ScoringService;

/// <summary>The place of the model that is served. Replacing it takes one exchange of a reference; requests never wait for it.</summary>
internal sealed class ModelSlot(ServedModel first)
{
    private ServedModel _current = first;

    /// <summary>The model of this moment, to be used until the lease is disposed.</summary>
    public Lease Borrow()
    {
        while (true)
        {
            ServedModel model = Volatile.Read(ref _current);
            if (model.TryEnter()) return new Lease(model); // else it was replaced, and closed, since the line above
        }
    }

    /// <summary>Serves another model from now on; requests under way finish on theirs.</summary>
    public void Replace(ServedModel next) => Interlocked.Exchange(ref _current, next).Dispose();

    public readonly struct Lease(ServedModel model) : IDisposable
    {
        public ServedModel Model => model;

        public void Dispose() => model.Leave();
    }
}
