namespace AdaBN.Benchmarks.Accuracy.Mixed;

/// <summary>A mixture scored by one file for all its domains. Of each row, whether it is classified rightly.</summary>
/// <param name="Name">The domains.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Mixture">By one set of statistics for all.</param>
/// <param name="Separate">By a model for each domain.</param>
/// <param name="Told">By a bank, the rows' domains given.</param>
/// <param name="Found">By a bank that finds and tells the domains itself.</param>
internal sealed record BankedOutcome(string Name, string Policy, bool[] Mixture, bool[] Separate, bool[] Told, bool[] Found);
