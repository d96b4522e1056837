namespace AdaBN.Benchmarks.Systems;

/// <summary>One way through all images, warm: what can be kept from one pass to the next is made by the constructor.</summary>
internal interface ISystem : IDisposable
{
    /// <summary>How it is set up, for the reader of the table.</summary>
    string Note { get; }

    /// <summary>Goes over all images once and gives the milliseconds it took.</summary>
    double Pass();

    /// <summary>Throws where the last pass computed something wrong: the speed of a wrong result is worth nothing.</summary>
    void Verify();
}
