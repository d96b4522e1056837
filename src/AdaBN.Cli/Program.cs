using AdaBN.Cli;

return await AdabnCommand.RunAsync(args, Console.Out, Console.Error);
